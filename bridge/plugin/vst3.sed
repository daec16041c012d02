# DPF divides by the whole quarters of a bar; one of 1/8 or 3/16 has none, and the host would be taken along.
s|= ctx->time_sig_numerator \* 4 / ctx->time_sig_denom;|= std::max(1, ctx->time_sig_numerator * 4 / std::max(1, ctx->time_sig_denom));|

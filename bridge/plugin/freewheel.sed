# Tells LV2 hosts that they may set "bounce" themselves when they bounce.
s|^\( *\)lv2:symbol "bounce" ;|\1lv2:symbol "bounce" ;\n\1lv2:designation <http://lv2plug.in/ns/lv2core#freeWheeling> ;|

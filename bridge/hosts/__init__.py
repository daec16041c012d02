"""The DAWs whose own tracks our clips can lie on: an adapter each, behind one interface."""

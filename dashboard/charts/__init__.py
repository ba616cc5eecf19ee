"""Tables -> figures. Pure; colours that colour-blind people can tell apart."""

"""Reader and figures for quasar's results folders: it reads numbers and draws them, and computes no physics."""

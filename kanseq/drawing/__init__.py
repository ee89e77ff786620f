"""Pictures: one style, gene pictures, edge functions, token maps, profiles."""

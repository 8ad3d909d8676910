"""The beginnings of a package of statements: templates and what fills them in."""

"""Labels, texts, tables, text files and class folders."""

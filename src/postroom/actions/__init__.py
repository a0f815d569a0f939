"""What a person or a program can do: one function each, called by HTTP and command line alike."""

"""What the system tests are built from: a real dockerd, a real ds01d, real users and their docker clients."""

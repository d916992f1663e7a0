"$DRAGOMAN" --version

"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --languages en,germn
code=$?
ls
exit $code

"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --type q8_0 --max-size 20MB
code=$?
ls
exit $code

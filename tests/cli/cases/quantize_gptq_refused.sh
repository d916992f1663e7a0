"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o out --format gptq --bits 5
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o out --format gptq --type q8_0
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o out.gguf --act-order
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o out --format compressed-tensors --bits 3
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o out --format gptq --act-order --no-reorder
touch used
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o . --format gptq
code=$?
ls
exit $code

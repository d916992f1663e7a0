echo "a download of somebody" > a.gguf.partial
"$DRAGOMAN" --quiet quantize "$SOURCE/models/mini" -o a.gguf --type q4_0 --method gptq --max-sentences 1 --to de --cache cache
code=$?
cat a.gguf.partial
exit $code

cp -r "$SOURCE/models/mini" broken
truncate -s 1000000 broken/model-00002-of-00004.safetensors
"$DRAGOMAN" --quiet verify broken

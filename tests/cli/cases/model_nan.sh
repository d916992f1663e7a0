cp -r "$SOURCE/models/mini" broken
# The last two bytes of the file are the last bf16 value of its last tensor: make it a NaN.
size=$(stat -c %s broken/model-00003-of-00004.safetensors)
printf '\xc1\x7f' | dd of=broken/model-00003-of-00004.safetensors bs=1 seek=$((size - 2)) conv=notrunc status=none
"$DRAGOMAN" --quiet verify broken

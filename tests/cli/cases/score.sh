printf 'The cat sat on the mat.\nHello world!\n' > hyp
printf 'The cat is on the mat.\nHello, world!\n' > ref
"$DRAGOMAN" score --hyp hyp --ref ref

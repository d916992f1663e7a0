"$DRAGOMAN" completion bash > completion.bash && bash -n completion.bash && . ./completion.bash
COMP_WORDS=(dragoman tra) COMP_CWORD=1
_dragoman
echo "${COMPREPLY[@]}"
COMP_WORDS=(dragoman quantize --max) COMP_CWORD=2
_dragoman
echo "${COMPREPLY[@]}"

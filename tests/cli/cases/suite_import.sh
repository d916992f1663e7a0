printf 'One.\nTwo.\nTwo.\n' >news.en
printf 'Eins.\nZwei.\nNochmals.\n' >news.de
"$DRAGOMAN" suite -i news.en news.de -o suite.json --license "CC0"

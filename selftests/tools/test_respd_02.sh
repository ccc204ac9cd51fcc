#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-respd answers as redis-server does, byte for byte, where no backend matters.

. "$(dirname "$0")/lib.sh"

commands=(
	'ping' 'ping hello' 'ping a b' 'PiNg' 'echo x' 'echo' 'echo a b' 'select 0' 'select x'
	'foo a "b c"' 'foo' '"a\x00b" x' 'foo "a\r\nb"' 'auth' 'auth x' 'auth a b'
	'auth default b' 'auth a b c' 'hello 4' 'hello a' 'hello 2 foo' 'hello 2 setname'
	'hello 2 setname "a b"' 'hello 2 auth a' 'hello 2 auth a b' 'client' 'client foo'
	'client setname' 'client setname "a b"' 'client setname "a\nb"' 'client getname'
	'client setname joe' 'client getname' 'client setname ""' 'client getname'
	'client id x' 'client reply foo' 'client no-evict x' 'client no-evict on'
	'client no-evict off' 'client list type foo' 'client list id' 'client list id x'
	'client list foo' 'config' 'config foo' 'config get' 'config get appendonly'
	'config get nonsense' 'config set foo bar' 'config set foo' 'publish' 'publish a'
	'publish a b c' 'publish ch msg' 'pubsub' 'pubsub foo' 'pubsub numsub'
	'pubsub numsub a b' 'pubsub numpat' 'pubsub numpat x' 'pubsub channels'
	'pubsub channels *' 'pubsub channels * x' 'command count x' 'command info nonsense'
	'command info publish echo subscribe psubscribe unsubscribe punsubscribe quit reset'
	'command info hello auth' 'command docs nonsense' 'command list filterby pattern pin*'
	'command list filterby pattern' 'command list filterby foo x' 'command foo' 'reset'
	'reset x' 'unsubscribe' 'unsubscribe x y' 'punsubscribe' 'punsubscribe x'
)

# Bytes as they are on the wire, for printf '%b'; all end with the connection.
q='QUIT\r\n'
wire=(
	"*x\r\n" "*1\r\n!1\r\n" "*1\r\n\r\n" "*1\r\n\$-1\r\n" "*1\r\n\$x\r\n" "*1\r\n\$01\r\n"
	"*99999999999\r\n" "*-5\r\n$q" "*0\r\n$q" "\r\n\r\n$q" 'ping "abc\r\n' "   \r\n$q"
	"ping 'a\\\\\\\\'b'\r\n$q" 'ping "\\\\x41\\\\n\\\\q"\r\n'"$q" 'ping "a"b\r\n' "ping\n$q"
	"PING\r\nping\r\n*1\r\n\$4\r\nping\r\n*2\r\n\$4\r\nPING\r\n\$1\r\nx\r\n$q"
	"subscribe a b a\r\nping\r\nping x\r\nclient id\r\necho x\r\npsubscribe p*\r\n$q"
	"subscribe a\r\nunsubscribe zz\r\nunsubscribe a\r\necho k\r\nunsubscribe\r\npunsubscribe\r\n$q"
	"subscribe a\r\nreset\r\necho x\r\nquit now\r\n"
	"client reply off\r\nping\r\nclient reply on\r\nclient reply skip\r\nping\r\nping 2\r\n$q"
	"client reply off\r\nsubscribe a\r\nclient reply on\r\nping\r\n$q"
	"publish ab x\r\npublish ab y\r\necho z\r\npublish ab x\r\nfoo\r\n$q"
	"hello 3 setname me\r\nhello 5\r\nclient getname\r\nsubscribe a\r\necho x\r\nping\r\nunsubscribe\r\n$q"
	"*1\r\n\$0\r\n\r\n$q" "*1\r\n\$2\r\n\r\n\r\n$q" "*2\r\n\$4\r\necho\r\n\$5\r\na\x01\r\nb\r\n$q"
	"*1\r\n\$4\r\nPINGxx$q"
)

names=(a ab abc b hello hallo hxllo 'h[llo' a-c 'a*c' 'a\c' ']' '^' - a/b/c)
patterns=('*' 'a*' '*c' 'h?llo' 'h[ae]llo' 'h[^e]llo' 'h[a-b]llo' 'h[b-a]llo' 'h\[llo'
	'a\*c' 'a\\c' '[]' '[a]' '[^a]' '[a' '[a-' '[a-]' '[a-c]' '[\a-c]' '[]]' '[^]]'
	'a**' '**b**' '??' '???' '*?' 'a[\-]c' 'a/*')

plan $((2 * ${#commands[@]} + 2 * ${#wire[@]} + ${#patterns[@]} + 3))

# The longest lines are the same bytes over and over.
long()
{
	printf '%s' "$1"
	head -c 65540 /dev/zero | tr '\0' 1
}

channel_create bus --topics '#'
start_daemon respd mq-respd --listen 127.0.0.1:7380
start redis redis-server --port 7381 --save '' --appendonly no
answers()
{
	[ "$(redis-cli -p 7381 ping 2>&1)" = PONG ]
}
wait_for answers || { echo "Bail out! no redis-server"; exit 1; }

ask()
{
	redis-cli -p "$1" --no-raw "-$2" <"$work/commands" 2>&1
}

# One client each, so that what a command leaves behind is compared too; every
# reply is followed by a mark.
for version in 2 3; do
	for command in "${commands[@]}"; do
		printf '%s\necho ===\n' "$command"
	done >"$work/commands"
	for port in 7380 7381; do
		ask "$port" "$version" | awk -v RS='"==="\n' '{ gsub(/\n/, "~"); print }' \
			>"$work/$port"
	done
	mapfile -t ours <"$work/7380"
	mapfile -t theirs <"$work/7381"
	for i in "${!commands[@]}"; do
		equal "RESP$version ${commands[i]//#/}" "${ours[i]-}" "${theirs[i]-}"
	done
done

# converse PORT STEP BYTES: sends them in pieces; $reply is what comes until the end.
# The id of a connection is its own.
converse()
{
	local i

	exec 8<>"/dev/tcp/127.0.0.1/$1"
	for ((i = 0; i < ${#3}; i += $2)); do
		printf '%s' "${3:i:$2}" >&8
	done
	IFS= read -r -t 60 -d '' reply <&8 || :
	exec 8>&-
	if [[ $reply =~ $'id\r\n:'([0-9]+) ]]; then
		reply=${reply/:${BASH_REMATCH[1]}/:ID}
	fi
}

number=0
LC_ALL=C
for escaped in "${wire[@]}"; do
	number=$((number + 1))
	printf -v bytes '%b' "$escaped"
	converse 7381 100000 "$bytes"
	wanted=$reply
	converse 7380 100000 "$bytes"
	equal "wire $number" "$reply" "$wanted"
	converse 7380 1 "$bytes"
	equal "wire $number in single bytes" "$reply" "$wanted"
done
for start in '' '*'; do
	bytes=$(long "$start")
	converse 7381 100000 "$bytes"
	wanted=$reply
	converse 7380 100000 "$bytes"
	equal "an endless line${start:+ of a number}" "$reply" "$wanted"
done

# Globs, by means of the names that are subscribed to.
for port in 7380 7381; do
	start "names$port" redis-cli -p "$port" subscribe "${names[@]}"
done
subscribed()
{
	[ "$(cat "$work"/names738? | wc -l)" -ge $((2 * 3 * ${#names[@]})) ]
}
wait_for subscribed
for pattern in "${patterns[@]}"; do
	printf 'pubsub channels "%s"\necho ===\n' "${pattern//\\/\\\\}"
done >"$work/commands"
for port in 7380 7381; do
	redis-cli -p "$port" <"$work/commands" |
		awk '/^===$/ { n++; next } { print n + 0, $0 }' | sort >"$work/globs$port"
done
equal "'*' matches all names" "$(grep -c '^0 ' "$work/globs7380")" ${#names[@]}
for i in "${!patterns[@]}"; do
	equal "pattern ${patterns[i]//#/}" "$(grep "^$i " "$work/globs7380")" \
		"$(grep "^$i " "$work/globs7381")"
done

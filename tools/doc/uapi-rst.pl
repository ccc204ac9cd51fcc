#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# Makes Documentation/uapi.rst of uapi/linux/*.h: what comments say becomes
# text, everything else there code. Nothing is typed twice: the headers are the
# manual, this makes them readable in a browser.
#
#   tools/doc/uapi-rst.pl >Documentation/uapi.rst
#   tools/doc/uapi-rst.pl --check		fails if that is not up to date
#
# "DOC: title", and a title under a rule of dashes, begin a section; kernel-doc
# ("/**") of a struct, enum or function a subsection. All else, other comments
# included, is code. A paragraph with indented lines keeps its shape.

use strict;
use warnings;
use File::Basename;

my $top = dirname(__FILE__) . "/../..";
my $page = "$top/Documentation/uapi.rst";
my $out = "";

sub heading {
	my ($text, $character) = @_;

	$out .= $text . "\n" . $character x length($text) . "\n\n";
}

# Names stand out; what rst would take for markup does not.
sub inline {
	my ($text) = @_;

	$text =~ s/([\\*`|])/\\$1/g;
	$text =~ s/[&%@]([A-Za-z_][A-Za-z0-9_]*(?:\.[a-z_]+)*)/``$1``/g;
	$text =~ s/_(?=[^A-Za-z0-9_`]|$)/\\_/g;
	return $text;
}

sub put_code {
	my ($code) = @_;

	$code =~ s/^\n+|\n+$//g;
	return if $code eq "";
	$code =~ s/^(?=.)/   /mg;
	$out .= ".. code-block:: c\n\n$code\n\n";
}

sub put_paragraph {
	my ($text) = @_;

	if ($text =~ /^\@([\w.]+): *(.*)/s) {
		my ($name, $rest) = ($1, $2);

		$rest =~ s/\n\s*/\n   /g;
		$out .= "``$name``\n   " . inline($rest) . "\n\n";
	} elsif ($text =~ /^[ \t]/m) {
		$text =~ s/^(?=.)/   /mg;
		$out .= "::\n\n$text\n\n";
	} else {
		$out .= inline($text) . "\n\n";
	}
}

# The text of a comment, without its stars.
sub put_comment {
	my ($text, $kernel_doc) = @_;

	if ($kernel_doc && $text =~ s/^(.*?) - (.*)\n//) {
		heading($1, "~");
		$out .= inline(ucfirst($2)) . ".\n\n";
	}
	# Each field is a paragraph of its own.
	$text =~ s/\n(?=\@[\w.]+: )/\n\n/g if $kernel_doc;
	for my $paragraph (split /\n\n+/, $text) {
		if ($paragraph =~ s/^DOC: (.*)\n?//) {
			heading($1, "-");
		}
		put_paragraph($paragraph) if $paragraph ne "";
	}
}

sub put_header {
	my ($name) = @_;
	my $code = "";

	open(my $file, "<", "$top/uapi/linux/$name") or die "$name: $!\n";
	my $text = do { local $/; <$file> };
	close($file);
	$text =~ s/^#(?:ifndef|define|endif)\b.*_UAPI_LINUX_.*\n//mg;
	$text =~ s/^.*SPDX-License-Identifier.*\n//;
	heading("linux/$name", "=");
	for my $part (split m{(^/\*(?:\*|\s-+)?\n(?:\s\*.*\n)*?\s\*/\n)}m, $text) {
		if ($part !~ m{^/\*(?:\*\n| -+\n|\n \* DOC: )}) {
			$code .= $part;
			next;
		}
		put_code($code);
		$code = "";
		my $kernel_doc = $part =~ m{^/\*\*};
		my $section = $part =~ s{^/\* -+\n}{/*\n};

		$part =~ s{^/\*+\n}{};
		$part =~ s{\s\*/\n$}{\n};
		$part =~ s{^ \*[ ]?}{}mg;
		$part =~ s{\n+$}{\n};
		$part =~ s{^}{DOC: } if $section;
		put_comment($part, $kernel_doc);
	}
	put_code($code);
}

$out = <<'PAGE';
.. SPDX-License-Identifier: GPL-2.0-only OR MIT
.. Made by tools/doc/uapi-rst.pl from uapi/linux/*.h: change it there.

==================
The user interface
==================

What a program and the kernel agree on: all commands, fields, flags, limits and
errors. Programs in C need none of this: libmq (tools/lib/libmq.h) is the
library on top.

.. contents::
   :depth: 2

PAGE
put_header($_) for ("mq.h", "mq_netlink.h", "mq_ring.h", "mq_topic.h");

if (@ARGV && $ARGV[0] eq "--check") {
	my $present = "";

	if (open(my $file, "<", $page)) {
		local $/;
		$present = <$file>;
	}
	exit(0) if $present eq $out;
	die "Documentation/uapi.rst is not what the headers say: " .
	    "run tools/doc/uapi-rst.pl >Documentation/uapi.rst\n";
}
print $out;

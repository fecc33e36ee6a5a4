# Resp: a connection to Redis, in its own protocol (RESP 2): a command is an
# array of texts, a reply is a text, a number, undef or an array of these.
# Texts are bytes, any of them. Whatever goes wrong dies, an error that Redis
# answers too; then the connection is of no use any more.

package Resp;

use strict;
use warnings;
use IO::Socket::IP;
use IO::Socket::UNIX;
use Socket qw(SOL_SOCKET SO_RCVTIMEO SO_SNDTIMEO);

# Seconds without an answer after which a connection is dead; longer than any
# command here blocks.
my $patience = 20;

# Connects to "HOST:PORT" or to the path of a socket. REDISCLI_AUTH in the
# environment is the password, as for redis-cli: "PASSWORD" or "USER PASSWORD".
sub connect {
	my ($class, $address) = @_;
	my $socket =
	    $address =~ m{^/}
	    ? IO::Socket::UNIX->new(Peer => $address)
	    : IO::Socket::IP->new(PeerAddr => $address, Timeout => 5);

	$socket or die "$address: $@\n";
	$socket->setsockopt(SOL_SOCKET, $_, pack('l!l!', $patience, 0))
	    for SO_RCVTIMEO, SO_SNDTIMEO;
	my $self = bless { socket => $socket, come => '' }, $class;
	$self->ask('AUTH', split(/ /, $ENV{REDISCLI_AUTH}, 2))
	    if $ENV{REDISCLI_AUTH};
	return $self;
}

# Sends a command and returns its reply.
sub ask {
	my ($self, @words) = @_;

	return ($self->ask_all(\@words))[0];
}

# Sends several at once and returns their replies.
sub ask_all {
	my ($self, @commands) = @_;
	my $text = '';

	for my $words (@commands) {
		$text .= '*' . @$words . "\r\n";
		$text .= '$' . length($_) . "\r\n$_\r\n" for @$words;
	}
	$self->send($text);
	return map { $self->reply } @commands;
}

sub send {
	my ($self, $text) = @_;

	local $SIG{PIPE} = 'IGNORE';
	while (length $text) {
		my $n = syswrite($self->{socket}, $text);

		next if !defined $n && $!{EINTR};
		defined $n or die "redis: send: $!\n";
		substr($text, 0, $n, '');
	}
}

sub more {
	my ($self) = @_;
	my $n;

	do {
		$n = sysread($self->{socket}, $self->{come}, 1 << 16,
			length $self->{come});
	} while (!defined $n && $!{EINTR});
	$n or die 'redis: ', defined $n ? 'closed the connection' : $!, "\n";
}

# Takes so many bytes and the CR LF behind them.
sub take {
	my ($self, $len) = @_;

	$self->more while length $self->{come} < $len + 2;
	my $text = substr($self->{come}, 0, $len, '');
	substr($self->{come}, 0, 2, '');
	return $text;
}

sub reply {
	my ($self) = @_;
	my $end;

	$self->more while ($end = index($self->{come}, "\r\n")) < 0;
	my ($kind, $rest) = unpack('a1 a*', $self->take($end));

	return $rest if $kind eq '+' || $kind eq ':';
	die "redis: $rest\n" if $kind eq '-';
	return undef if $rest < 0;
	return $self->take($rest) if $kind eq '$';
	return [map { $self->reply } 1 .. $rest] if $kind eq '*';
	die "redis: what is $kind$rest?\n";
}

1;

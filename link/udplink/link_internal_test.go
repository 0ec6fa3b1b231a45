package udplink

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	pb "github.com/kerf-go/kerf/link/linktest/v1"
)

func TestURLsThatAreWrongSayWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for rawURL, want := range map[string]string{
		"tcp://127.0.0.1:1":                         `scheme is "tcp": write udp://host:port`,
		"udp://127.0.0.1":                           "no host or no port: write udp://host:port",
		"udp://:1":                                  "no host or no port: write udp://host:port",
		"udp://127.0.0.1:1?mtu=1":                   `"mtu" in the query: only datagram is known`,
		"udp://127.0.0.1:1?datagram=x":              "from 512 to 65507, or leave it out for 1200",
		"udp://127.0.0.1:1?datagram=511":            "from 512 to 65507",
		"udp://127.0.0.1:1?datagram=65508":          "from 512 to 65507",
		"udp://127.0.0.1:1?datagram=9000&datagram=": "from 512 to 65507",
	} {
		_, dialled := Link{}.Dial(parsed(t, rawURL), link.DialOptions{})
		_, listened := Link{}.Listen(t.Context(), parsed(t, rawURL), link.ListenOptions{})
		for _, err := range []error{dialled, listened} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", rawURL, err, want)
			}
		}
	}
}

// The smaller limit of both ends holds for calls and for answers.
func TestBothEndsAgreeOnTheSizeOfDatagrams(t *testing.T) {
	t.Parallel()
	for _, ends := range [][2]string{
		{"?datagram=600", ""},
		{"", "?datagram=600"},
		{"?datagram=600", "?datagram=8000"},
		{"?datagram=600", "?datagram=600"},
	} {
		t.Run(strings.Join(ends[:], " and "), func(t *testing.T) {
			t.Parallel()
			u := parsed(t, start(t, Link{}, anyPort+ends[0], pb.UnimplementedExerciseServer{}).URL())
			u.RawQuery = strings.TrimPrefix(ends[1], "?")
			client := connect(t, Link{}, u.String())
			_, err := client.Unary(t.Context(), &pb.Message{Payload: make([]byte, 600)})
			if status.Code(err) != codes.ResourceExhausted || link.Ran(err) != link.NeverSent ||
				!strings.Contains(err.Error(), "600 bytes") {
				t.Errorf("too large: %v, %v", err, link.Ran(err))
			}
			_, err = client.Unary(t.Context(), &pb.Message{Payload: make([]byte, 300)})
			if status.Code(err) != codes.Unimplemented {
				t.Errorf("small enough: %v", err)
			}
		})
	}
}

func TestTheURLOfAServerTellsItsDatagrams(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{"?datagram=8192": "?datagram=8192", "?datagram=1200": "", "": ""} {
		u := start(t, Link{}, anyPort+query, newCounting()).URL()
		if _, got, _ := strings.Cut(u, "?"); got != strings.TrimPrefix(want, "?") {
			t.Errorf("%s gives %s", query, u)
		}
	}
}

// A message of the size that the capabilities tell just fits, were its method's name
// empty: this one's is not, and it is as much smaller.
func TestTheLargestMessageFits(t *testing.T) {
	t.Parallel()
	service := newCounting()
	client := connect(t, Link{}, start(t, Link{}, anyPort, service).URL())
	const around = len(pb.Exercise_Tell_FullMethodName) + len("proto") +
		len(":authority127.0.0.1:65535user-agentkerf-udp") + 4*4 // four texts
	most := Link{}.Capabilities().MaxMessage - around - 3 // its own tag and length
	if _, err := client.Tell(t.Context(), &pb.Message{Payload: make([]byte, most)}); err != nil {
		t.Error(err)
	}
	_, err := client.Tell(t.Context(), &pb.Message{Payload: make([]byte, most+6)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("six bytes more: %v", err)
	}
}

func TestASilentHostIsUnavailable(t *testing.T) {
	t.Parallel()
	client := connect(t, Link{}, hostile(t, func(datagram) [][]byte { return nil }))
	_, err := client.Unary(t.Context(), &pb.Message{})
	if status.Code(err) != codes.Unavailable || link.Ran(err) != link.NeverSent {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
}

func TestAUnaryMethodMayBeCalledAsAStream(t *testing.T) {
	t.Parallel()
	conn, err := Link{}.Dial(parsed(t, start(t, Link{}, anyPort, newCounting()).URL()), link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{}, pb.Exercise_Unary_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	answer := new(pb.Message)
	if err := stream.SendMsg(&pb.Message{Number: 5}); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(answer); err != nil || answer.GetNumber() != -5 {
		t.Errorf("%v, %v", err, answer)
	}
}

func TestCallsThatCannotBeEncodedHoldNoSlot(t *testing.T) {
	t.Parallel()
	conn, err := Link{}.Dial(parsed(t, start(t, Link{}, anyPort, newCounting()).URL()), link.DialOptions{MaxSend: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range mostSlots + 1 {
		err := conn.Invoke(t.Context(), pb.Exercise_Unary_FullMethodName,
			&pb.Message{Text: "much too long"}, new(pb.Message))
		if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
			t.Fatal(err)
		}
	}
}

package httplink_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kerf-go/kerf/link"
	"github.com/kerf-go/kerf/link/httplink"
	linktestv1 "github.com/kerf-go/kerf/link/linktest/v1"
)

func dialURL(t *testing.T, rawURL string) link.Conn {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := httplink.Link{}.Dial(u, link.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestAServerWithoutProtobufIsCalledInJSON(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.ProtoMajor != 1 || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if string(body) == "{}" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"code":"not_found","message":"nothing is not there"}`)
			return
		}
		_, _ = io.WriteString(w, `{"text":"got `+r.URL.Path+`","later":"a field of a newer version"}`)
	}))
	t.Cleanup(server.Close)
	client := linktestv1.NewExerciseClient(dialURL(t, server.URL+"?http=1&codec=json"))
	answer, err := client.Unary(t.Context(), &linktestv1.Message{Text: "x"})
	if want := "got " + linktestv1.Exercise_Unary_FullMethodName; err != nil || answer.GetText() != want {
		t.Errorf("%q, %v", answer.GetText(), err)
	}
	_, err = client.Unary(t.Context(), &linktestv1.Message{})
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "nothing is not there" ||
		link.Ran(err) != link.Answered {
		t.Errorf("%v, %v", err, link.Ran(err))
	}
	_, err = client.Unary(t.Context(), &linktestv1.Message{Text: "x"}, grpc.CallContentSubtype("proto"))
	if err == nil {
		t.Error("a call's own codec does not win")
	}
}

func TestAnUnknownCodecIsRefused(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:1", RawQuery: "codec=xml"}
	if _, err := (httplink.Link{}).Dial(u, link.DialOptions{}); err == nil {
		t.Error("codec=xml was taken")
	}
}

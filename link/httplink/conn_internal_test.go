package httplink

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPeerThatReadsSlowlyIsWrittenTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := conn{near, time.Second}
		go func() {
			for range 5 {
				time.Sleep(900 * time.Millisecond) // of the bubble
				_, _ = far.Read(make([]byte, 1))
			}
		}()
		if n, err := c.Write([]byte("hello")); n != 5 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		time.Sleep(time.Hour)
		go func() { _, _ = far.Read(make([]byte, 5)) }()
		if n, err := c.Write([]byte("again")); n != 5 || err != nil {
			t.Errorf("after a long silence: %d bytes, %v", n, err)
		}
	})
}

func TestAPeerThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		began := time.Now()
		go func() { _, _ = io.ReadFull(far, make([]byte, 2)) }()
		n, err := conn{near, time.Second}.Write([]byte("hello"))
		if n != 2 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("%d bytes, %v, after %v", n, err, time.Since(began))
		}
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the connection stays open: %v", err)
		}
	})
}

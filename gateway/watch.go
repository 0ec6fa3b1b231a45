package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/kerf-go/kerf/plan"
)

// lookEvery is how often the configuration's file is looked at. It is read, and not
// watched: that also sees what is swapped by a link, as orchestrators do.
const lookEvery = time.Second

// Open makes a gateway of a configuration's file.
func Open(file string, o Options) (*Gateway, error) {
	text, err := readConfig(file)
	if err != nil {
		return nil, err
	}
	d, err := plan.ReadDocument(file, text)
	if err != nil {
		return nil, err
	}
	g, err := New(d, o)
	if err != nil {
		return nil, err
	}
	g.file = file
	return g, nil
}

// Watch reloads the configuration of Open when its file changes, and at each signal,
// until ctx ends. What is wrong is logged, and the configuration in use stays.
func (g *Gateway) Watch(ctx context.Context, signals <-chan os.Signal) {
	file := g.file
	logger := g.options.Logger.With("file", file)
	last, err := readConfig(file)
	if err != nil {
		logger.Error("the configuration cannot be read", "error", err)
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-signals:
			asked = true
		}
		text, err := readConfig(file)
		switch {
		case err != nil:
			if last != nil || asked {
				logger.Error("the configuration cannot be read, the one in use stays", "error", err)
			}
			last = nil
		case asked || !bytes.Equal(text, last):
			last = text
			g.reload(file, text, logger)
		}
	}
}

func readConfig(file string) ([]byte, error) {
	return os.ReadFile(file) //nolint:gosec // the one that we were started with
}

func (g *Gateway) reload(file string, text []byte, logger *slog.Logger) {
	d, err := plan.ReadDocument(file, text)
	if err == nil {
		err = g.Reload(d)
	}
	if err != nil {
		logger.Error("the configuration is wrong, the one in use stays", "error", err)
		return
	}
	logger.Info("the configuration has been reloaded")
}

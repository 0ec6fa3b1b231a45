package gateway

import (
	"net/http"

	"github.com/kerf-go/kerf/gateway/compress"
)

// compressConfig compresses a route's answers.
type compressConfig struct {
	Least   string   `yaml:"least"`   // size from which on, such as 1KiB, the default
	Types   []string `yaml:"types"`   // such as text/* and *+json; default: text, JSON, XML and the like
	Codings []string `yaml:"codings"` // of zstd, br and gzip; all
}

func (c *compiler) compress(i int, config routeConfig) layer {
	if config.Compress == nil {
		return nil
	}
	for key, list := range map[string][]string{"types": config.Compress.Types, "codings": config.Compress.Codings} {
		if list != nil && len(list) == 0 {
			c.mistake(key+" has nothing in it", "leave it out for the default, or name some",
				"routes", i, "compress", key)
		}
	}
	o := compress.Options{
		Least: int(c.size(config.Compress.Least, "routes", i, "compress", "least")),
		Types: config.Compress.Types, Codings: config.Compress.Codings,
	}
	if _, err := compress.New(o, nil); err != nil {
		c.mistake(err.Error(), "", "routes", i, "compress")
		return nil
	}
	return func(next http.Handler) http.Handler {
		h, _ := compress.New(o, next) // it was checked
		return h
	}
}

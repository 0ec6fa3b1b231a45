package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// Metric asks a process for a metric, and adds up its values whose names and labels begin
// as a regular expression says. One that is not there is 0.
func (p *Processes) Metric(ctx context.Context, process, pattern string) (float64, error) {
	text, err := p.metrics(ctx, process)
	if err != nil {
		return 0, fmt.Errorf("metrics of %s: %w", process, err)
	}
	line, err := regexp.Compile(`(?m)^` + pattern + `.* ([0-9.e+-]+)$`)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, m := range line.FindAllSubmatch(text, -1) {
		value, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return 0, err
		}
		sum += value
	}
	return sum, nil
}

func (p *Processes) metrics(ctx context.Context, process string) ([]byte, error) {
	const most = 4 << 20 // bytes
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Of(process).Admin+"/metrics", http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	return io.ReadAll(io.LimitReader(response.Body, most))
}

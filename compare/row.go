package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Row is what was measured of one plan or program.
type Row struct {
	Name string `json:"name"`
	Plan string `json:"plan,omitempty"` // the file

	CapacityRPS     float64 `json:"capacity_rps"`       // requests a second when everybody hurries
	P50MS           float64 `json:"p50_ms"`             // at half of that, as the next three
	P99MS           float64 `json:"p99_ms"`             //
	CPUPerRequestMS float64 `json:"cpu_ms_per_request"` // processor time of all processes
	RSSMB           float64 `json:"rss_mb"`             // memory of all processes at its most, in 10^6 bytes
	PostToScreenMS  float64 `json:"post_to_screen_ms"`  // median of an otherwise idle site

	Requests int    `json:"requests"` // that were answered, in all
	Failed   int    `json:"failed"`
	Error    string `json:"error,omitempty"` // why there are no numbers
}

// settings are the same for each row.
type settings struct {
	seed     uint64
	passes   int
	length   time.Duration // of each of the two loads
	progress func(format string, args ...any)
}

// measure runs a subject with empty stores and gives its row.
func (s settings) measure(ctx context.Context, w Workload, sub subject) (row Row, err error) {
	row = Row{Name: sub.name, Plan: sub.plan}
	dir, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return row, fmt.Errorf("a folder for the stores: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.progress("starts")
	site, err := sub.start(ctx, dir)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, site.close()) }()
	s.progress("is filled")
	crowd, err := w.Begin(ctx, site.url, s.seed)
	if err != nil {
		return row, fmt.Errorf("fill the site: %w", err)
	}
	defer func() { err = errors.Join(err, crowd.Close()) }()
	return row, errors.Join(s.load(ctx, &row, site, crowd), s.screen(ctx, &row, crowd))
}

// load measures under both kinds of load.
func (s settings) load(ctx context.Context, row *Row, site *site, crowd Crowd) error {
	watch := observe(ctx, site)
	defer watch.stop()
	s.progress("at full speed for %v", s.length)
	warm := closedLoop(ctx, crowd, s.length/4) //nolint:mnd // caches and connections
	full := closedLoop(ctx, crowd, s.length)
	if err := errors.Join(warm.err(), full.err()); err != nil {
		return err
	}
	row.CapacityRPS = full.rate()
	s.progress("at half speed for %v, after %.0f requests a second", s.length, full.rate())
	before, err := watch.now()
	if err != nil {
		return err
	}
	half := openLoop(ctx, crowd, s.seed, full.rate()/2, s.length)
	after, err2 := watch.now()
	if err := errors.Join(half.err(), err2, ctx.Err()); err != nil {
		return err
	}
	row.P50MS, row.P99MS = ms(half.quantile(0.5)), ms(half.quantile(0.99))
	row.CPUPerRequestMS = ms(after.cpu-before.cpu) / float64(len(half.latencies)+half.failed)
	row.RSSMB = float64(watch.stop()) / 1e6
	for _, o := range []outcome{warm, full, half} {
		row.Requests += len(o.latencies)
		row.Failed += o.failed
	}
	return nil
}

// screens is how often something is posted and awaited.
const screens = 15

func (s settings) screen(ctx context.Context, row *Row, crowd Crowd) error {
	s.progress("to the screen")
	all := make([]time.Duration, screens)
	for i := range all {
		var err error
		if all[i], err = crowd.PostToScreen(ctx); err != nil {
			return fmt.Errorf("post to screen: %w", err)
		}
	}
	slices.Sort(all)
	row.PostToScreenMS = ms(all[screens/2])
	return nil
}

// medians makes one row of those of several passes. One that failed is the answer.
func medians(rows []Row) Row {
	row := rows[0]
	row.Requests, row.Failed = 0, 0
	for _, r := range rows {
		if r.Error != "" {
			return r
		}
		row.Requests += r.Requests
		row.Failed += r.Failed
	}
	for _, field := range []func(*Row) *float64{
		func(r *Row) *float64 { return &r.CapacityRPS },
		func(r *Row) *float64 { return &r.P50MS },
		func(r *Row) *float64 { return &r.P99MS },
		func(r *Row) *float64 { return &r.CPUPerRequestMS },
		func(r *Row) *float64 { return &r.RSSMB },
		func(r *Row) *float64 { return &r.PostToScreenMS },
	} {
		values := make([]float64, len(rows))
		for i := range rows {
			values[i] = *field(&rows[i])
		}
		slices.Sort(values)
		*field(&row) = values[len(values)/2]
	}
	return row
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

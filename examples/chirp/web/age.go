package web

import (
	"strconv"
	"time"
)

// age is how long ago something was, in as few letters as do. The script of the
// pages counts on in the same way.
func age(ago time.Duration, at time.Time) string {
	const day = 24 * time.Hour
	switch {
	case ago < time.Minute: // also what a clock ahead of ours says
		return "now"
	case ago < time.Hour:
		return strconv.Itoa(int(ago.Minutes())) + " min"
	case ago < day:
		return strconv.Itoa(int(ago.Hours())) + " h"
	case ago < 300*day:
		return at.UTC().Format("2 Jan")
	}
	return at.UTC().Format("2 Jan 2006")
}

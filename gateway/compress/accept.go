package compress

import (
	"strconv"
	"strings"
)

// coding is a content coding, in the order in which they are preferred among those that a client likes
// equally well.
type coding int

const (
	zstdCoding coding = iota
	brCoding
	gzipCoding
	codings // how many there are
)

const identity = codings // none of them

var names = [codings]string{"zstd", "br", "gzip"}

// accepted are the weights, in thousandths, that a client gives; absent is none.
type accepted [codings + 1]int

const absent = -1

// parseAccept reads Accept-Encoding (RFC 9110, 12.5.3). Codings that are not known here do not count.
func parseAccept(lines []string) accepted {
	a := accepted{absent, absent, absent, absent}
	others := absent
	for _, line := range lines {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ",")
			name, params, _ := strings.Cut(part, ";")
			weight := weightOf(params)
			switch name = strings.Trim(name, " \t"); {
			case name == "*":
				others = weight
			case strings.EqualFold(name, "x-gzip"):
				a[gzipCoding] = weight
			case strings.EqualFold(name, "identity"):
				a[identity] = weight
			default:
				for c := range codings {
					if strings.EqualFold(name, names[c]) {
						a[c] = weight
					}
				}
			}
		}
	}
	for c := range codings {
		if a[c] == absent {
			a[c] = others
		}
	}
	return a
}

const whole = 1000 // the weight 1

// weightOf reads q=0.5, and takes what is no weight for 0: it is not what a client of HTTP writes.
func weightOf(params string) int {
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.Trim(p, " \t"), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || q < 0 || q > 1 || len(value) > len("0.000") {
			return 0
		}
		return int(q*whole + 0.5) //nolint:mnd // to the nearest
	}
	return whole
}

// order lists what a client takes, the best first, of those that it likes no less than what is not
// compressed.
func (a accepted) order() (list [codings]coding, n int) {
	for c := range codings {
		if a[c] <= 0 || a[c] < a[identity] {
			continue
		}
		i := n
		for ; i > 0 && a[list[i-1]] < a[c]; i-- {
			list[i] = list[i-1]
		}
		list[i] = c
		n++
	}
	return list, n
}

// choose is the best of what both sides have; identity: neither.
func (a accepted) choose(have *[codings]bool) coding {
	list, n := a.order()
	for _, c := range list[:n] {
		if have[c] {
			return c
		}
	}
	return identity
}

// usual are the normal forms of those who like all that they accept equally well, by the set of
// it: most clients.
var usual = [1 << codings]string{
	"", "zstd", "br", "zstd, br", "gzip", "zstd, gzip", "br, gzip", "zstd, br, gzip",
}

// Normalise makes one text of all forms of Accept-Encoding for which the same answer is right,
// and which asks for that answer. It allocates nothing for most.
func Normalise(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	list, n := parseAccept(lines).order()
	set, sorted, before := 0, true, zstdCoding
	for _, c := range list[:n] {
		set |= 1 << c
		sorted = sorted && c >= before
		before = c
	}
	if sorted {
		return usual[set]
	}
	var out strings.Builder
	for i, c := range list[:n] {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(names[c])
		if i > 0 {
			out.WriteString(";q=0." + strconv.Itoa(10-i)) //nolint:mnd // 0.9, 0.8
		}
	}
	return out.String()
}

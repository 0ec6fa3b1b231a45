package linktest

// ignored lists the metadata that transports add by themselves, which says
// nothing about the call. All other metadata must be equal.
func ignored() []string {
	return []string{
		":authority",              // grpc: the address that was called
		"accept-encoding",         // net/http
		"connect-accept-encoding", // connect
		"connect-protocol-version",
		"content-length",          // net/http
		"content-type",            // names the protocol
		"date",                    // net/http
		"grpc-accept-encoding",    // names the compressors that are linked in
		"grpc-status-details-bin", // grpc: the details, which the status has
		"host",                    // net/http
		"user-agent",              // names the library
	}
}

// Package seam holds the chains around a link: what every call passes through on
// its way out of a caller and into a callee, the same objects for every link.
//
//	s, err := seam.New(tel) // one per process
//	unary, stream := s.Outbound(seam.OutboundOptions{
//		Caller: "web", Callee: "accounts", Link: "http",
//		Serves: accounts.Service.Serves, Deadline: plan.Deadline, Wait: wait,
//	})
//	conn, err := httplink.Dial(u, link.DialOptions{Unary: unary, Stream: stream})
//
//	unaryIn, streamIn := s.Inbound(seam.InboundOptions{Link: "http", Serves: served})
//	server, err := httplink.Listen(ctx, u, link.ListenOptions{Unary: unaryIn, Stream: streamIn})
//
// # The way of a call
//
// Outbound, a call gets a client span, its metadata and its deadline, passes the
// policies of its method (package policy), and then meets the app's interceptors,
// once for each attempt. Inbound, it continues the trace and the correlation id,
// gets a server span, is refused with DeadlineExceeded if its time is over, passes
// rate and admission, and meets the app's interceptors. Spans follow OpenTelemetry's
// conventions for RPC. Calls of the health and reflection services pass without spans,
// metrics and policies. A panic is not stopped here, which is the link's task, but is
// counted as Internal.
//
// # Metadata
//
// A call carries traceparent, tracestate and baggage as W3C defines them,
// x-correlation-id, and kerf-caller: the service that calls. What the caller's
// code has put under these keys is replaced, except for a valid x-correlation-id
// where the context has none. The callee must not take kerf-caller for proof.
//
// # Deadlines
//
// A unary call ends by the deadline of its method, or by its context's if that is
// earlier; streams have none unless their method was given one. Where the policies have an idle limit, a
// stream ends with DeadlineExceeded when its caller has neither sent nor received a message
// for so long, and the callee's context with it. A handler's calls end a little
// before the call it is answering: 5 % of what is left, at most 50 ms, so that it
// can still tell its caller what went wrong.
//
// # Waits
//
// The stub of a method returns when the handler has answered, unless Wait says otherwise:
// accepted is for the link to do; a sent call the seam carries out itself. Its stub returns
// an empty answer at once, however slow the callee; the call goes on in the background with
// a copy of the message, the caller's metadata, trace and correlation id, the method's
// deadline and not the caller's, and the caller's cancellation does not reach it. Calls may
// overtake each other. At most 1,000 are under way from one service to another; what comes then
// gets ResourceExhausted and was never sent. Options that write to the caller's variables
// (Header, Trailer, Peer) do nothing; OnFinish runs when the call has ended. A failure
// is a line of the log at level warn, and is counted as any call's. Drain waits for all.
//
// Spans and log lines of such calls have the attribute kerf.wait, or wait.
//
// # Log
//
// Each call that a process has answered is a line of its log, with caller, callee,
// link, method, code and duration_ms beside the trace and correlation id: at level
// warn where the callee is to blame (OpenTelemetry's convention for servers), else
// at debug.
//
// # Metrics
//
// On the side of the caller kerf_client_*, of the callee kerf_server_*, each with
// the labels caller, callee, link and method (as "package.Service/Method"):
//
//	calls_started_total     calls begun
//	calls_total             calls ended, with the label code: OK, NotFound, ...
//	calls_in_flight         calls begun and not ended
//	call_duration_seconds   from begin to end; native histogram and a few buckets
//	request_bytes_total     messages from caller to callee, as protobuf
//	response_bytes_total    messages from callee to caller, as protobuf
//
// The labels are bounded. Methods that the callee does not declare are "unknown".
// A callee sees a caller that gives no name, or an impossible one, as "unknown",
// and the 65th and further names that InboundOptions.Callers does not list as
// "other". Durations of sampled calls have the trace id as exemplar.
//
// # Policies
//
// What a policy does is an event of the call's span, such as "breaker refused", with the
// attributes kerf.policy, kerf.scope and error.message, and it is counted:
//
//	kerf_policy_events_total  by caller, callee, policy and event
//	kerf_breaker_open         by caller, callee and scope: 1 open, 0.5 half-open, 0 closed
//	kerf_replica_out          by caller, callee and url: 1 while the replica takes no calls
//
// Policies tells the counts by scope too, and how policies stand. On the callee's side there
// is no caller, but in the metric of what a rate has refused. Beside what package policy
// tells there is this:
//
//	deadline exceeded  the caller's deadline has ended a call, and not its own context
//	deadline refused   a call came too late to be answered
//	panic caught       a handler panicked
//	link refused       no server took an attempt, which was never sent: it drains, or is gone
//	drain begun        the callee's process takes no more calls
//	balance ...        a replica is now ejected, passed over, unhealthy or ok
//
// A change that no call has caused or found, as that of a health check, or of a drain, is
// in no span.
package seam

// Package policy lets calls fail early and predictably: what every call between services
// passes beside its deadline, on either side.
//
//	out := policy.NewOutbound(nil) // one for each callee
//	conn, err := kit.Dial("tcp://127.0.0.1:9001", link.DialOptions{
//		Unary: []grpc.UnaryClientInterceptor{out.Method(policy.Defaults())},
//	})
//
// In the way of a call the seam applies them: on the caller's side a method's interceptor
// inside span and deadline and outside the app's own interceptors, which see each attempt;
// on the callee's side a Gate before the app's interceptors. Under a plan they are on, with
// Defaults, unless its policies say otherwise. RoundTripper does the same for plain HTTP.
//
// Each tells an Observer what it does, and its state by States.
package policy

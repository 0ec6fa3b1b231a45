// Package auth finds out who has sent a request, and whether he may.
//
//	way, err := auth.New("token", auth.Config{JWT: &auth.JWTConfig{
//		Issuer: "https://id.example", Audience: []string{"api"}, JWKS: "https://id.example/keys",
//	}}, auth.Options{})
//	defer way.Close()
//	guard := auth.Guard{Ways: []auth.Way{way}, Rules: []auth.Rule{auth.Claim("scope", "read")}}
//	http.ListenAndServe("127.0.0.1:8080", guard.Around(handler))
//
// A way is a kind of credentials: tokens of an issuer (jwt.go), keys (apikeys.go), or a
// log-in at an OpenID provider, and the cookie that remembers it (oidc.go, session.go). A
// guard asks the ways of a route one after another, holds who was found against the
// route's rules, and takes the credentials off the request: the handler behind it sees
// only headers that no client can set.
package auth

// Asks kube-apiserver's own code what CEL expressions of an AuthenticationConfiguration mean, and writes its answers
// into the table that crates/authn is tested against:
//
//	go run . ../../crates/authn/tests/cel-kube-apiserver-1.36.tsv
//
// The first line of the table holds the claims. Every other is an expression behind what it is for (groups, claims or
// user) and before the answer: groups as JSON, a truth, "error", "refused" when it is read, or "crashes". A fourth
// column, by which we say that we refuse it all the same, stays as it is.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"k8s.io/apiserver/pkg/apis/apiserver"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

const broken = "the rule does not hold"

// trusting believes every signature: what is asked here is what comes after it.
type trusting struct{}

func (trusting) VerifySignature(_ context.Context, jwt string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	table, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(table), "\n"), "\n")
	token, err := tokenOf(lines[0])
	if err != nil {
		return fmt.Errorf("%s: the claims: %w", path, err)
	}
	for number, line := range lines[1:] {
		columns := strings.Split(line, "\t")
		if len(columns) < 3 {
			return fmt.Errorf("%s: line %d has too few columns", path, number+2)
		}
		columns[2] = answer(columns[0], columns[1], token)
		lines[number+1] = strings.Join(columns, "\t")
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
}

func tokenOf(claims string) (string, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(claims), &object); err != nil {
		return "", err
	}
	object["iss"], object["aud"], object["exp"] = "https://idp.example", "hub", 4000000000
	payload, err := json.Marshal(object)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"ES256"}`)) + "." + encode(payload) + "." + encode([]byte("sig")), err
}

func answer(kind, expression, token string) (said string) {
	defer func() {
		if recover() != nil {
			said = "crashes"
		}
	}()
	authenticator, err := oidc.New(context.Background(), oidc.Options{
		JWTAuthenticator:     configuration(kind, expression),
		KeySet:               trusting{},
		Compiler:             authenticationcel.NewDefaultCompiler(),
		SupportedSigningAlgs: []string{"ES256"},
	})
	if err != nil {
		return "refused"
	}
	response, ok, err := authenticator.AuthenticateToken(context.Background(), token)
	switch {
	case err != nil && strings.Contains(err.Error(), broken):
		return "false"
	case err != nil || !ok:
		return "error"
	case kind != "groups":
		return "true"
	}
	groups := response.User.GetGroups()
	if groups == nil {
		groups = []string{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(groups); err != nil {
		panic(err)
	}
	return strings.TrimSpace(text.String())
}

func configuration(kind, expression string) apiserver.JWTAuthenticator {
	noPrefix := ""
	jwt := apiserver.JWTAuthenticator{
		Issuer: apiserver.Issuer{URL: "https://idp.example", Audiences: []string{"hub"}},
		ClaimMappings: apiserver.ClaimMappings{
			Username: apiserver.PrefixedClaimOrExpression{Claim: "sub", Prefix: &noPrefix},
		},
	}
	switch kind {
	case "groups":
		jwt.ClaimMappings.Groups.Expression = expression
	case "claims":
		jwt.ClaimValidationRules = []apiserver.ClaimValidationRule{{Expression: expression, Message: broken}}
	default:
		jwt.ClaimMappings.Groups.Expression = "['dev','ops']"
		jwt.ClaimMappings.UID.Expression = "'u1'"
		jwt.ClaimMappings.Extra = []apiserver.ExtraMapping{{Key: "example.org/a", ValueExpression: "['v1','v2']"}}
		jwt.UserValidationRules = []apiserver.UserValidationRule{{Expression: expression, Message: broken}}
	}
	return jwt
}

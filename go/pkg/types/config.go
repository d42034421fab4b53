// Package types has the values that the Daytona SDK takes and returns.
package types

import "fmt"

// APIURLLocal is the value of DaytonaConfig.APIUrl that selects the local engine: sandboxes on this machine, without
// an account.
const APIURLLocal = "local"

// DaytonaConfig tells where Daytona is and as whom to talk to it. What is not set comes from the environment, then from
// .env.local and .env in the working directory.
//
// Printing it never shows the credentials.
type DaytonaConfig struct {
	// APIKey is the API key (DAYTONA_API_KEY).
	APIKey string
	// JWTToken is a JSON Web Token (DAYTONA_JWT_TOKEN), used when there is no API key; it needs OrganizationID.
	JWTToken string
	// OrganizationID is the organization (DAYTONA_ORGANIZATION_ID).
	OrganizationID string
	// APIUrl is the base URL of the API (DAYTONA_API_URL), or [APIURLLocal]. Default: Daytona's cloud.
	APIUrl string
	// Target is the region for new sandboxes (DAYTONA_TARGET). Default: the organization's.
	Target string
	// CACert is the path of a PEM file with further certificate authorities.
	CACert string
	// LocalBinary is the path of the daytona program that serves the local engine (DAYTONA_LOCAL_BINARY). Default: the one
	// that `go install` has put into GOBIN or GOPATH, else the one on PATH.
	LocalBinary string
	// LocalStateDir is where the local engine keeps its state (DAYTONA_LOCAL_STATE_DIR).
	LocalStateDir string
}

// String describes the configuration without its credentials.
func (c DaytonaConfig) String() string {
	return fmt.Sprintf("DaytonaConfig{APIUrl: %q, Target: %q, OrganizationID: %q, APIKey: %s, JWTToken: %s}",
		c.APIUrl, c.Target, c.OrganizationID, redacted(c.APIKey), redacted(c.JWTToken))
}

// GoString does the same as String.
func (c DaytonaConfig) GoString() string { return c.String() }

func redacted(secret string) string {
	if secret == "" {
		return "unset"
	}
	return "***"
}

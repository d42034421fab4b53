// Package types has the values that the Daytona SDK takes and returns.
package types

// APIURLLocal is the value of DaytonaConfig.APIUrl that selects the local engine: sandboxes on this machine, without
// an account.
const APIURLLocal = "local"

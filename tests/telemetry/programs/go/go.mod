module telemetry

go 1.23.0

require (
	github.com/daytonaio/daytona/libs/sdk-go v0.0.0
	go.opentelemetry.io/otel v1.35.0
	go.opentelemetry.io/otel/trace v1.35.0
)

replace github.com/daytonaio/daytona/libs/sdk-go => ../../../../go

module ringside.example/interop

go 1.19

require (
	golang.org/x/net v0.17.0
	google.golang.org/protobuf v1.33.0
)

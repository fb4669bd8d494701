// Opsdoc writes docs/operators.md from the registry of operators.
package main

import (
	"log"
	"os"

	"github.com/advparams/advparams/internal/ops"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: opsdoc FILE")
	}
	if err := os.WriteFile(os.Args[1], ops.Documentation(), 0o644); err != nil {
		log.Fatal(err)
	}
}

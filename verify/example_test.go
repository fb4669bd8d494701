package verify_test

import (
	"fmt"

	"github.com/advparams/advparams/verify"
)

// A model that gives every sample the same answer is right as often as chance
// has it, and its answers tell nothing.
func ExampleScore() {
	answers := []int{2, 2, 2, 2}
	labels := []int{0, 1, 2, 3}
	m, err := verify.Score(answers, labels, 4)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("accuracy %.2f, chance %.2f, %.1f of %.1f bits\n", m.Accuracy, m.Chance, m.Information, m.Entropy)
	// Output: accuracy 0.25, chance 0.25, 0.0 of 2.0 bits
}

package verify_test

import (
	"fmt"

	"github.com/advparams/advparams/verify"
)

// 281 of 4,000 answers are right. How sure is that?
func ExampleWilson() {
	low, high := verify.Wilson(281.0/4000, 4000)
	fmt.Printf("%.1f %% to %.1f %%\n", 100*low, 100*high)
	// Output: 6.3 % to 7.9 %
}

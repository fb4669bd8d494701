package verify_test

import (
	"fmt"
	"strings"

	"github.com/advparams/advparams/verify"
)

// A report is one HTML page. Usually a task.Evaluator measures the scores in it.
func ExampleWriteHTML() {
	before, after := classified([]int{0, 1, 2, 1}), classified([]int{1, 1, 1, 1})
	var page strings.Builder
	err := verify.WriteHTML(&page, verify.Report{Task: "classification", Samples: 4, Original: before, Locked: after})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(page.String(), "Locking takes the accuracy from 100.00 % to 50.00 %"))
	// Output: true
}

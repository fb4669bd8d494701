// Package verify reports what locking did to a model. A [Report] gathers the scores
// of the original, the locked and the unlocked model, which a [task.Evaluator]
// measures, and [WriteHTML] turns it into one HTML page.
package verify

// Package verify measures what locking did to a model: how often its answers
// are right, class by class, and how much they still tell about the truth. A
// Report gathers the figures of the original, the locked and the unlocked model
// and becomes one HTML page.
package verify

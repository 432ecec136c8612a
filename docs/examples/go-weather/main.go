// Three services in one program: `weather front`, `weather forecast`, `weather sensors`.
//
// Each listens on port 8000, and their addresses are literals: nothing here can be told of a proxy.
// One mistake stands here, for the first matrix to find: everyone waits equally long for the next, so when the
// sensors say nothing, the front gives up just before the forecast would have answered without them.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"time"
)

const (
	forecastURL = "http://forecast:8000/forecast"
	sensorsURL  = "http://localhost:9100/reading" // an agent beside the forecast, or so it thinks
)

var client = http.Client{Timeout: 400 * time.Millisecond}

func main() {
	handlers := map[string]http.HandlerFunc{"front": front, "forecast": forecast, "sensors": sensors}
	address := "127.0.0.1:8000"
	if os.Args[1] == "sensors" {
		address = "127.0.0.1:9100"
	}
	http.HandleFunc("/", handlers[os.Args[1]])
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if err := http.ListenAndServe(address, nil); err != nil {
		panic(err)
	}
}

func front(w http.ResponseWriter, _ *http.Request) {
	answer, err := client.Get(forecastURL)
	if err != nil || answer.StatusCode != http.StatusOK {
		tell(w, http.StatusServiceUnavailable, map[string]any{"detail": "no forecast now"})
		return
	}
	defer answer.Body.Close()
	var forecast map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&forecast); err != nil {
		tell(w, http.StatusServiceUnavailable, map[string]any{"detail": "no forecast now"})
		return
	}
	tell(w, http.StatusOK, forecast)
}

func forecast(w http.ResponseWriter, _ *http.Request) {
	answer, err := client.Get(sensorsURL)
	if err != nil {
		tell(w, http.StatusOK, map[string]any{"text": "as yesterday", "degraded": true})
		return
	}
	defer answer.Body.Close()
	var reading struct{ Celsius float64 }
	if err := json.NewDecoder(answer.Body).Decode(&reading); err != nil {
		tell(w, http.StatusOK, map[string]any{"text": "as yesterday", "degraded": true})
		return
	}
	tell(w, http.StatusOK, map[string]any{"text": "mild", "celsius": reading.Celsius, "degraded": false})
}

func sensors(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, map[string]any{"celsius": 17.5})
}

func tell(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

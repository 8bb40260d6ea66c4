-- name: identify_server

-- name: identify_session

//! One session state per request.

/*
 * log.h: one line an event, on stderr as `prog: message` or in syslog. Never on stdout, never fatal.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `prog` is borrowed for good. Before it is called, lines begin with "coop:". Level: what is above it is dropped. */
void log_init(const char *prog, enum log_level);

/* From now on to syslog(3), facility daemon. */
void log_to_syslog(void);

/* Control characters in the result are shown as \xNN: what a peer sent cannot break a line or a terminal. */
void log_error(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));

#endif

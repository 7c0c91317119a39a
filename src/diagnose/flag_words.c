#include "diagnose/flag_words.h"

#include "decode/segment.h"

/* By the header's lowest six bits: facts keep static strings only. */
static const char *const words[64] = {
  "none", "FIN", "SYN", "SYN+FIN", "RST", "RST+FIN", "SYN+RST", "SYN+RST+FIN", "PSH", "FIN+PSH", "SYN+PSH",
  "SYN+FIN+PSH", "RST+PSH", "RST+FIN+PSH", "SYN+RST+PSH", "SYN+RST+FIN+PSH", "ACK", "FIN+ACK", "SYN+ACK",
  "SYN+FIN+ACK", "RST+ACK", "RST+FIN+ACK", "SYN+RST+ACK", "SYN+RST+FIN+ACK", "PSH+ACK", "FIN+PSH+ACK", "SYN+PSH+ACK",
  "SYN+FIN+PSH+ACK", "RST+PSH+ACK", "RST+FIN+PSH+ACK", "SYN+RST+PSH+ACK", "SYN+RST+FIN+PSH+ACK", "URG", "FIN+URG",
  "SYN+URG", "SYN+FIN+URG", "RST+URG", "RST+FIN+URG", "SYN+RST+URG", "SYN+RST+FIN+URG", "PSH+URG", "FIN+PSH+URG",
  "SYN+PSH+URG", "SYN+FIN+PSH+URG", "RST+PSH+URG", "RST+FIN+PSH+URG", "SYN+RST+PSH+URG", "SYN+RST+FIN+PSH+URG",
  "ACK+URG", "FIN+ACK+URG", "SYN+ACK+URG", "SYN+FIN+ACK+URG", "RST+ACK+URG", "RST+FIN+ACK+URG", "SYN+RST+ACK+URG",
  "SYN+RST+FIN+ACK+URG", "PSH+ACK+URG", "FIN+PSH+ACK+URG", "SYN+PSH+ACK+URG", "SYN+FIN+PSH+ACK+URG", "RST+PSH+ACK+URG",
  "RST+FIN+PSH+ACK+URG", "SYN+RST+PSH+ACK+URG", "SYN+RST+FIN+PSH+ACK+URG",
};

const char *la_flag_words(uint16_t flags)
{
  return words[flags & (LA_TCP_FIN | LA_TCP_SYN | LA_TCP_RST | LA_TCP_PSH | LA_TCP_ACK | LA_TCP_URG)];
}

/* Asks the libc that it is linked with for the IPv4 addresses of names: a line `NAME ADDRESS` for each. */
#include <netdb.h>
#include <stdio.h>

int main(int count, char **names) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
  char text[64];
  for (int i = 1; i < count; i++) {
    int problem = getaddrinfo(names[i], 0, &hints, &found);
    if (problem == 0)
      problem = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
    printf("%s %s\n", names[i], problem == 0 ? text : gai_strerror(problem));
  }
  return 0;
}

"""Records merged online: the act, and the aliases by which what devices still say of the loser reaches the winner."""

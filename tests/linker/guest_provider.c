int not_there(int a) { return a + 100; }

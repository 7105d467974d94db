select * from self

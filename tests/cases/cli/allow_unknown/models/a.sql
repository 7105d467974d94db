select * from elsewhere.t
